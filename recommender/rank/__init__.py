"""The pure core: arrays and values in, a `RankedPage` out; no clock, no SQL, no network, no environment."""
