"""The cpp dialect: C++17/OpenMP generators, one package a kind of kernel."""
