"""From a sentence to a built pipeline: parse, infer, resolve, build. Only this room introduces the stages."""
