"""Step time and memory of ours and of each peer, interleaved in one run, beside what the machine can do.

`shapes` and `synthetic` make the data, `systems` names what is compared, `stepping` and `roofs` measure (each in a
fresh process, `worker`), `runner` goes round, `report` turns measurements into rows, ratios and a table.
"""
