"""The real-node test laboratory: two nodes, a witness and a client made of kernel namespaces on this machine."""
