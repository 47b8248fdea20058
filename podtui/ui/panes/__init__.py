"""The parts of the main screen: namespaces, pods, details, logs."""
