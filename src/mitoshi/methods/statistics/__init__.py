"""Statistics shared by methods: exact windows, trees, calibration."""
