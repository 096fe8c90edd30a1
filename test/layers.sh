#!/usr/bin/env bash
# Checks that every include points to its own layer or a lower one. The folders are the layers:
# lib/<layer>/ and include/valpool/<layer>/. What lies in include/valpool itself and in compat/ are
# forwarding headers for users, above all layers; each public header of a layer has one. lib/bridge is such a
# user.
#   test/layers.sh SOURCE_TREE
set -euo pipefail
cd "$1"

layers="base segment alloc process object recovery value queue boot monitor"  # lowest first

grep -rE '^ *# *include' include lib --include='*.hpp' --include='*.cpp' --include='*.h' |
  awk -v layers="$layers" '
    BEGIN {
      top = split(layers, names, " ") + 1
      for (i = 1; i < top; ++i) rank[names[i]] = i
      rank["bridge"] = top + 1
    }
    # 0 for a path that has no layer.
    function rank_of(path, parts) {
      sub(/^include\//, "", path)
      sub(/^lib\//, "", path)
      if (path ~ /^valpool\/(compat\/[^\/]*|[^\/]*)$/) return top
      sub(/^valpool\//, "", path)
      split(path, parts, "/")
      return parts[1] in rank ? rank[parts[1]] : 0
    }
    {
      file = $0
      sub(/:.*/, "", file)
      if (!match($0, /[<"][^>"]+[>"]/)) next
      included = substr($0, RSTART + 1, RLENGTH - 2)
      folder = included
      sub(/\/.*/, "", folder)
      if (folder != "valpool" && !(folder in rank)) next  # of the system, or of Boost
      ++checked
      own = rank_of(file)
      other = rank_of(included)
      if (own == 0 || other == 0) {
        print file " includes " included ": one of them has no layer"
        wrong = 1
      } else if (own > top && other < top) {
        print file " includes " included ", which is not for users"
        wrong = 1
      } else if (own < other) {
        print file " includes " included ", of a higher layer"
        wrong = 1
      }
    }
    END {
      if (checked <= 50) { print "only " checked + 0 " includes were found"; wrong = 1 }
      exit wrong
    }' >&2

wrong=0
for layer in $layers; do
  for header in include/valpool/"$layer"/*.hpp; do
    [ -e "$header" ] || continue
    name=$(basename "$header")
    grep -qxF "#include <valpool/$layer/$name>" "include/valpool/$name" || {
      echo "include/valpool/$name does not forward to $header" >&2
      wrong=1
    }
  done
done
exit $wrong
