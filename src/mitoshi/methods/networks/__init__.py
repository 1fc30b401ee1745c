"""Networks: roads as a graph, what hangs together, and the shortest ways."""
