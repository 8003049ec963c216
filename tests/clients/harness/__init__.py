"""What the tests stand on: a federation, FATE's client, tables with known answers, FATE's job documents."""
