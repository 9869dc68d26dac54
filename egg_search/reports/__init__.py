"""What people see: live progress, the final table, a run's status. Everything is read from run directories."""
