"""Devices: the clock and the way that tensors take, behind one interface."""
