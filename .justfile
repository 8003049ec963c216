# Every task by name. `just` shows the list.

set positional-arguments

# Shows this list.
default:
    @just --justfile {{ justfile() }} --list --unsorted

# Formatting and lints, as the gate has them.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# The cheap tiers: unit tests, components, tidy. Arguments are filters.
test *filters:
    if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace "$@"; else cargo test --workspace -- --skip cluster:: --skip examples:: "$@"; fi

# Real daemons: cluster tests and the examples. As root, the test over network namespaces runs too.
test-cluster *filters:
    if cargo nextest --version >/dev/null 2>&1; then cargo nextest run -p fedflow --profile cluster "$@"; else cargo test -p fedflow --test suite -- cluster:: examples:: "$@"; fi

# The gate: everything that must hold before a change is taken.
gate:
    .ci/run

# A local federation of separate processes until Ctrl-C; prints its addresses.
federation dir=".target/federation":
    cargo run --release -- up --dir "$1"

# From nothing to a first result.
demo *arguments:
    cargo run --release -- demo "$@"

# A throw-away federation's certificates in certs/dev, for the parties named.
certs *parties:
    cargo build
    FEDFLOW=.target/debug/fedflow certs/issue-dev.sh "$@"

# A new component from a template, with its two lines in the list of components. With --local: one that needs no peer.
new-component name *options:
    python3 party-agent/components/new_component.py "$@"

# Rewrites what is generated: pages, diagrams, tables of components, golden files. Read the difference before you keep it.
bless:
    BLESS=1 cargo test --workspace
    git status --short

# The code's own documentation, strictly.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Throughput: cryptography, messages, scheduling, the REST endpoint. Builds with optimisation, without the data engine.
bench *arguments:
    cargo bench -p crypto -p transport -p service -p api-fate -p api-kubeflow -p api-abeja "$@"

# A thousand jobs at real daemons, and a million rows. Builds everything with optimisation.
bench-large:
    cargo bench -p fedflow --bench crowd
    cargo bench -p tables --features csv-yardstick

# A fuzz target for as long as it is let, guided by coverage: `just fuzz frames`. Needs cargo-fuzz and a nightly toolchain.
fuzz target *arguments:
    #!/usr/bin/env bash
    set -euo pipefail
    mkdir -p "fuzz/corpus/$1"
    cargo +nightly fuzz run --fuzz-dir fuzz "$1" "fuzz/corpus/$1" "tests/fuzz-targets/seeds/$1" "${@:2}"

# Licences, sources, advisories and doubles of what comes from outside.
deny:
    cargo deny --config .deny.toml check
