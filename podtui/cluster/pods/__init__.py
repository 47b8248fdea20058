"""The data of a pod: containers, runs, events, volumes, nodes, successors."""
