"""What crosses between the verifier and a worker: shared input bytes, fixed-size records, output bytes."""
