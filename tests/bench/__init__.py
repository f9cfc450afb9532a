"""The log simulator with its expected figures, the generator of the sample log, and the benchmark."""
