"""What leaves the house: packages for other systems, tables for offices, and the situation report for people."""
