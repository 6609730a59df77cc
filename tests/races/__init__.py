"""Many at once: writers, threads, packets, kills; judged by what each of them was told."""
