"""One package a process. A service is a core (pure) and a main (wires, decides nothing); services never import each other."""
