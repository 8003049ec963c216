"""Two tables about the same 569 people, in the shape of FATE's breast tables: separable, and the same on every machine."""

import random

ROWS = 569
NAMESPACE = "experiment"
GUEST_TABLE = "breast_hetero_guest"
HOST_TABLE = "breast_hetero_host"
GUEST_COLUMNS = [f"x{number}" for number in range(10)]
HOST_COLUMNS = [f"x{number}" for number in range(20)]


def write_tables(folder):
    """Writes `guest.csv` (id, y, x0 to x9) and `host.csv` (id, x0 to x19) and gives their paths."""
    chance = random.Random(20)
    labels = [1 if chance.random() < 0.63 else 0 for _ in range(ROWS)]
    guest = [_row(chance, label, len(GUEST_COLUMNS)) for label in labels]
    host = [_row(chance, label, len(HOST_COLUMNS)) for label in labels]
    order = list(range(ROWS))
    chance.shuffle(order)
    guest_lines = [f"{number},{labels[number]},{','.join(guest[number])}" for number in order]
    chance.shuffle(order)
    host_lines = [f"{number},{','.join(host[number])}" for number in order]
    return (
        _write(folder / "guest.csv", ["id", "y", *GUEST_COLUMNS], guest_lines),
        _write(folder / "host.csv", ["id", *HOST_COLUMNS], host_lines),
    )


def _row(chance, label, columns):
    """Columns around minus one half or one half; every fifth says nothing about the label."""
    return [f"{chance.gauss(0 if column % 5 == 4 else label - 0.5, 0.9):.6f}" for column in range(columns)]


def _write(path, header, lines):
    path.write_text("\n".join([",".join(header), *lines]) + "\n")
    return path


def head_of(path, rows, to):
    """A file of the first rows of another."""
    to.write_text("".join(path.read_text().splitlines(keepends=True)[: rows + 1]))
    return to


def upload_conf(file, table, namespace=NAMESPACE, **more):
    """What `flow data upload -c` reads."""
    return {"file": str(file), "head": 1, "partition": 4, "namespace": namespace, "table_name": table, **more}
