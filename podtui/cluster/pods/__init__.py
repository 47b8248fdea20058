"""What a pod says about itself: containers, runs, events, volumes, nodes, successors."""
