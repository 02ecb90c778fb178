"""Compares two directory trees as the mirror promises them equal: names, types, bytes, modes, owners, which names share an inode,
symlink targets, device numbers, extended attributes (ours excepted) and modification times in nanoseconds. How sparse a file is does
not matter. The hidden .lockstep directory at the top and the disk's own lost+found are skipped.

usage: tree.py DIRECTORY DIRECTORY     prints the first differences, exit code 1 if there is any
"""
import os
import stat
import sys

OURS = "trusted.lockstep."
SKIPPED_AT_TOP = {".lockstep", "lost+found"}
CHUNK = 1 << 20


def shown(path):
    return repr(os.fsdecode(path))[1:-1]


def extended(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    return {n: os.getxattr(path, n, follow_symlinks=False) for n in names if not n.startswith(OURS)}


def walk(top):
    """{path relative to top: lstat}, the top itself as b'.'."""
    found = {b".": os.lstat(top)}
    pending = [b""]
    while pending:
        directory = pending.pop()
        for entry in os.scandir(os.path.join(top, directory)):
            path = os.path.join(directory, entry.name)
            if not directory and os.fsdecode(entry.name) in SKIPPED_AT_TOP:
                continue
            found[path] = entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)
    return found


def links(found):
    """{path: first name of the same inode} for everything that has several names."""
    first = {}
    for path in sorted(found):
        status = found[path]
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            first.setdefault(status.st_ino, path)
    return {p: first[s.st_ino] for p, s in found.items() if s.st_ino in first and not stat.S_ISDIR(s.st_mode)}


def first_difference_of_bytes(a, b):
    with open(a, "rb", buffering=0) as left, open(b, "rb", buffering=0) as right:
        offset = 0
        while True:
            x, y = left.read(CHUNK), right.read(CHUNK)
            if x != y:
                return next((offset + i for i, (p, q) in enumerate(zip(x, y)) if p != q), offset + min(len(x), len(y)))
            if not x:
                return None
            offset += len(x)


def differences_of(path, a, b, x, y):
    """What differs between the object `path` of both trees, as (what, left, right)."""
    if stat.S_IFMT(x.st_mode) != stat.S_IFMT(y.st_mode):
        yield "type", oct(stat.S_IFMT(x.st_mode)), oct(stat.S_IFMT(y.st_mode))
        return
    fields = [("mode", oct(x.st_mode), oct(y.st_mode)), ("owner", (x.st_uid, x.st_gid), (y.st_uid, y.st_gid)),
              ("mtime", x.st_mtime_ns, y.st_mtime_ns)]
    if not stat.S_ISDIR(x.st_mode):
        fields += [("size", x.st_size, y.st_size), ("number of names", x.st_nlink, y.st_nlink)]
    if stat.S_ISCHR(x.st_mode) or stat.S_ISBLK(x.st_mode):
        fields.append(("device number", x.st_rdev, y.st_rdev))
    if stat.S_ISLNK(x.st_mode):
        fields.append(("symlink target", os.readlink(a), os.readlink(b)))
    fields.append(("extended attributes", extended(a), extended(b)))
    yield from (f for f in fields if f[1] != f[2])
    if stat.S_ISREG(x.st_mode) and x.st_size == y.st_size:
        offset = first_difference_of_bytes(a, b)
        if offset is not None:
            yield "bytes", f"from offset {offset}", ""


def compare(left, right, limit=20):
    """Returns the first differences of two trees as readable lines; empty when they are equal."""
    left, right = os.fsencode(left), os.fsencode(right)
    one, two = walk(left), walk(right)
    lines = []
    for path in sorted(set(one) | set(two)):
        if path not in two:
            lines.append(f"{shown(path)}: only in {shown(left)}")
        elif path not in one:
            lines.append(f"{shown(path)}: only in {shown(right)}")
        else:
            for what, x, y in differences_of(path, os.path.join(left, path), os.path.join(right, path), one[path], two[path]):
                lines.append(f"{shown(path)}: {what}: {x} | {y}")
        if len(lines) >= limit:
            return lines[:limit] + ["..."]
    x, y = links(one), links(two)
    for path in sorted(set(x) | set(y)):
        if x.get(path) != y.get(path) and path in one and path in two:
            lines.append(f"{shown(path)}: shares its inode with {shown(x.get(path, b'nothing'))} | {shown(y.get(path, b'nothing'))}")
    return lines[:limit] + (["..."] if len(lines) > limit else [])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    lines = compare(sys.argv[1], sys.argv[2])
    print("\n".join(lines) if lines else "equal")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
