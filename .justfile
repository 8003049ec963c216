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

# A new room from the template, with its two lines in the list of rooms.
new-component name:
    #!/usr/bin/env python3
    import pathlib, re, shutil, sys

    name = """{{ name }}"""
    rooms = pathlib.Path("""{{ justfile_directory() }}""") / "party-agent/components/src"
    keywords = {"as", "async", "await", "crate", "dyn", "enum", "extern", "fn", "for", "if", "impl", "in", "let", "loop", "match",
                "mod", "move", "pub", "ref", "self", "static", "struct", "super", "trait", "type", "union", "unsafe", "use", "where"}
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or name in keywords - {"union"}:
        sys.exit(f"{name!r} cannot be a room: write it in lower case with underscores, such as hetero_linr")
    room = rooms / name
    if room.exists():
        sys.exit(f"the room {name} is there already: {room}")
    struct = "".join(part.capitalize() for part in name.split("_"))

    lib = rooms / "lib.rs"
    lines = lib.read_text().splitlines()

    def insert(line, pattern):
        """Puts a line where it belongs among those of its kind, all of which match the pattern up to the room's name."""
        known = [(number, match[1]) for number, text in enumerate(lines) if (match := re.match(pattern, text))]
        if not known:
            sys.exit(f"{lib} has no line like {line!r}")
        after = [number for number, other in known if other < name]
        lines.insert(after[-1] + 1 if after else known[0][0], line)

    insert(f"pub mod {name};", r"pub mod (\w+);")
    insert(f"    &Room::<{name}::{struct}>::NEW,", r"    &Room::<(\w+)::\w+>::NEW,")

    shutil.copytree(rooms / "template", room)
    for file in room.rglob("*"):
        if file.is_file():
            text = file.read_text()
            text = re.sub(r"\bTemplate\b", struct, re.sub(r"\btemplate\b", name, text))
            file.write_text(text)
    lib.write_text("\n".join(lines) + "\n")
    print(f"{room} is a copy of the template under its new name. Next: its README, messages.rs and params.rs,")
    print("then `cargo test -p components " + name + "`, and `just bless` for the table of rooms.")

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

# Licences, sources, advisories and doubles of what comes from outside.
deny:
    cargo deny --config .deny.toml check
