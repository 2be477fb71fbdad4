"""Language models as judges: their prompts, runs, verdicts, panels and benchmarks."""
