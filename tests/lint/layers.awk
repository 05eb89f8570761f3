# SPDX-License-Identifier: MIT
# Who may include whom in src/.  A file includes its own header, headers of lower layers, and of its
# own layer only the modules that it names in a comment "uses: ring meet" (base/ need not say).
# Side branches use what is listed for them and are used by nobody.  Headers form no circle.
#   awk -f layers.awk files...
BEGIN {
    count = split("base block chan coord flow ops", names)
    for (i = 1; i <= count; i++)
        rank[names[i]] = i
    side["lockfree"] = "base"
}

FNR == 1 {
    file = substr(FILENAME, length("src/") + 1)
    slash = index(file, "/")
    layer = slash ? substr(file, 1, slash - 1) : ""
    module = module_of(file)
    if (!(layer in rank) && !(layer in side))
        complain("is in no layer")
}

/uses:/ {
    text = $0
    sub(/.*uses:/, "", text)
    gsub(/[^a-z0-9_ ]/, "", text)
    n = split(text, words, " ")
    for (i = 1; i <= n; i++)
        uses[file, words[i]] = 1
}

/^#[ \t]*include[ \t]*"/ {
    path = $0
    sub(/^[^"]*"/, "", path)
    sub(/".*/, "", path)
    if (path == "ccp.h" || !((layer in rank) || (layer in side)))
        next
    if (path !~ /^[a-z]+\/[a-z0-9_]+\.h$/) {
        complain("must name " path " by layer and module")
        next
    }
    theirs = substr(path, 1, index(path, "/") - 1)
    other = module_of(path)
    if (layer in side) {
        if (theirs != layer && theirs != side[layer])
            complain("the side branch may include only " side[layer] "/, not " path)
    } else if (!(theirs in rank) || rank[theirs] > rank[layer])
        complain("must not include " path)
    if (theirs == layer && other != module) {
        if (layer != "base" && !((file, other) in uses))
            complain("peer " path " is not declared in a 'uses:' line")
        if (file ~ /\.h$/) {
            from[++edges] = layer "/" module
            to[edges] = layer "/" other
        }
    }
}

END {
    # A header that uses no peer, or only such, is in no circle: strike them out, again and again.
    do {
        struck = 0
        split("", busy)
        for (i = 1; i <= edges; i++)
            if (from[i] != "")
                busy[from[i]] = 1
        for (i = 1; i <= edges; i++)
            if (from[i] != "" && !(to[i] in busy)) {
                from[i] = ""
                struck++
            }
    } while (struck)
    for (i = 1; i <= edges; i++)
        if (from[i] != "") {
            print from[i] ": in a circle, by way of " to[i]
            bad++
        }
    exit bad > 0
}

function module_of(path) {
    sub(/.*\//, "", path)
    sub(/\.[ch]$/, "", path)
    return path
}

function complain(what) {
    print file ":" FNR ": " what
    bad++
}
