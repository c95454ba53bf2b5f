"""Small networks on frozen states beside other inputs: how they are built, fitted, averaged and kept."""
