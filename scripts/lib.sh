# Sourced by the other scripts: runs a part, prints how long it took, and keeps going to the end.
failed=0
part() { # NAME COMMAND…
    local name=$1 start=$SECONDS
    shift
    echo "==> $name"
    if "$@"; then
        echo "==> $name: ok, $((SECONDS - start)) s"
    else
        echo "==> $name: FAILED after $((SECONDS - start)) s"
        failed=1
    fi
}
