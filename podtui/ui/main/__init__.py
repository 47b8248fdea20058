"""The app and its main screen: namespaces, pods, nodes."""
