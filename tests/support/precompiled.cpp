// The program that never runs: it owns the precompiled Catch2.
int main() {}
