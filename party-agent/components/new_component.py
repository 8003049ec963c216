#!/usr/bin/env python3
"""Makes a new component from a template, with its two lines in `lib.rs` (`mod`, `CATALOGUE`): `just new-component NAME [--local]`.

NAME is in lower case with underscores (hetero_linr). With --local it is a component that needs no peer.
"""
import argparse
import pathlib
import re
import shutil
import sys

KEYWORDS = {"as", "async", "await", "crate", "dyn", "enum", "extern", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod",
            "move", "pub", "ref", "self", "static", "struct", "super", "trait", "type", "unsafe", "use", "where"}
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def listed(lines, line, pattern, name, key=str):
    """The lines with one more, where it belongs among those of its kind, all of which match the pattern, by the key of the name in it."""
    known = [(number, match[1]) for number, text in enumerate(lines) if (match := re.match(pattern, text))]
    if not known:
        sys.exit(f"the list of components has no line like {line!r}")
    after = [number for number, other in known if key(other) < key(name)]
    place = after[-1] + 1 if after else known[0][0]
    # An attribute belongs to the line below it.
    while place and re.match(r"\s*#\[", lines[place - 1]):
        place -= 1
    return lines[:place] + [line] + lines[place:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--local", action="store_true", help="a component that needs no peer")
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent / "src",
                        help="the folder of the components")
    arguments = parser.parse_args()
    name, source = arguments.name, arguments.source
    if not NAME.fullmatch(name) or name in KEYWORDS:
        sys.exit(f"{name!r} cannot be a component: write it in lower case with underscores, such as hetero_linr")
    folder = source / name
    if folder.exists():
        sys.exit(f"there is a component {name} already: {folder}")
    template = "template_local" if arguments.local else "template"
    names = {word: "".join(part.capitalize() for part in word.split("_")) for word in (template, name)}

    lib = source / "lib.rs"
    lines = lib.read_text().splitlines()
    lines = listed(lines, f"pub mod {name};", r"(?:pub )?mod (\w+);", name)
    entry = f"    &Plugin::<{name}::{names[name]}>::NEW,"
    lines = listed(lines, entry, r"    &Plugin::<\w+::(\w+)>::NEW,", names[name], key=str.lower)

    shutil.copytree(source / template, folder)
    for file in filter(pathlib.Path.is_file, folder.rglob("*")):
        text = re.sub(rf"\b{template}\b", name, file.read_text())
        file.write_text(re.sub(rf"\b{names[template]}\b", names[name], text))
    lib.write_text("\n".join(lines) + "\n")
    print(f"{folder} is a copy of {template} under its new name. Next: its README, then its parameters, then the rest.")
    print(f"`cargo test -p components {name}::` runs its tests; those that compare lists fail until `BLESS=1 cargo test -p components`.")


if __name__ == "__main__":
    main()
