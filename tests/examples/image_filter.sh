#!/bin/sh
# SPDX-License-Identifier: MIT
# image_filter.sh CASE PROGRAM SOURCE PYTHON: one test of examples/image_filter.c.
program=$2
python=$4
# shellcheck source=tests/examples/common.sh
. "$3/tests/examples/common.sh"

# in/ and want/: images, noise and edges, and what the program must make of them, by another way:
# padded, and summed by columns first.
make_images()
{
    mkdir in out want
    "$python" - <<'END'
x, number = 1, 0
for w, h in (1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (64, 48), (101, 57), (160, 120):
    for n in 1, 3:
        number += 1
        pixels = bytearray()
        for i in range(w * h * n):
            x = x * 48271 % 2147483647
            pixels.append(x >> 23 if i // n % w < w // 2 else 255 * (i // n // 8 % 2))
        rows = [pixels[y * w * n:(y + 1) * w * n] for y in range(h)]
        rows = [rows[0]] + rows + [rows[-1]]
        out = bytearray()
        for y in range(h):
            tall = [a + b + c for a, b, c in zip(rows[y], rows[y + 1], rows[y + 2])]
            tall = tall[:n] + tall + tall[-n:]
            out += bytes((tall[i] + tall[i + n] + tall[i + 2 * n] + 4) // 9
                         for i in range(w * n))
        kind = "P6" if n == 3 else "P5"
        with open(f"in/{number}.pnm", "wb") as f:
            f.write(f"{kind} # made by a test\n{w} {h}\n255\n".encode() + pixels)
        with open(f"want/{number}.pnm", "wb") as f:
            f.write(f"{kind}\n{w} {h}\n255\n".encode() + out)
END
}

case_blurs()
{
    make_images
    exits 0 "$program" out in/*.pnm >log
    for file in in/*.pnm; do
        base=${file#in/}
        cmp "want/$base" "out/$base" || fail "$base is not what it should be"
        sed -n 2p "out/$base" | sed "s|\(.*\) \(.*\)|out/$base: \1 x \2|"
    done >want.log
    cmp want.log log || fail "not in the order of the names"
}

case_not_images()
{
    make_images
    printf 'P5\n3 3\n255\n12345678' >in/1.cut
    printf 'P5\n0 3\n255\n' >in/1.none
    printf 'P5\n99999999999999 3\n255\n' >in/1.large
    printf 'P5\n3 3\n65535\n123456789012345678' >in/1.deep
    printf 'P2\n1 1\n255\n0\n' >in/1.text
    : >in/1.empty
    exits 1 "$program" out in/* in/missing >log 2>err
    [ "$(grep -c 'not a PGM or PPM' err)" = 7 ] || fail "complaints: $(cat err)"
    for file in want/*; do
        cmp "$file" "out/${file#want/}" || fail "$file was lost"
    done
    [ "$(wc -l <log)" = 16 ] || fail "$(cat log)"
}

case_cannot_write()
{
    make_images
    exits 1 "$program" nowhere in/*.pnm 2>err
    grep -q 'image 0: cannot be written' err || fail "complaints: $(cat err)"
    exits 2 "$program" out 2>err
}

"case_$test_case"
