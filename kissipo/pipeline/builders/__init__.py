"""Builders of pipelines, one per kind of sample: rows, series, text, environment.

`build(reading, resolved, seed, strict)` fits the codecs and encodes all splits.
`encode_new(frame, codecs, answers)` encodes new data in the same way. A source names
its builder, by default `rows`.
"""
