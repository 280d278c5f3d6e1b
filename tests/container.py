"""A folder that looks like the file system of a container, as far as its quota goes."""


def contain(root, files, groups="0::/\n"):
    """Write `groups` for this process, and the files of its control groups with their contents."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
