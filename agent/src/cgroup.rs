//! Parsers of cgroup files: text in, typed values out; they open nothing.
