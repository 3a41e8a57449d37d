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

# A port below those that the system gives to connections, at which nothing listens.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# Starts a lab in a folder and on ports of its own, so that one that somebody works with is left alone; it ends with the script.
own_lab() {
    LAB_DIR=$(mktemp -d)
    # PostgreSQL runs as a user of its own and has to get to its folder.
    chmod 711 "$LAB_DIR"
    LAB_DNS_PORT=$(free_port)
    export LAB_DIR LAB_DNS_PORT LAB_PDM_PORT=0 LAB_RESET=0
    trap 'end_lab' EXIT
    make --no-print-directory run-detached
}

end_lab() {
    make --no-print-directory stop
    rm -rf "$LAB_DIR"
}
