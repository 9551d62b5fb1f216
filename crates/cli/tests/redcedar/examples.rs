//! Every example that `--help` prints is run.
