# Runs a command for as long as the pipe on stdin is open.
# $1: file for the command's exit status; $2: directory to remove at the end; $3..: the command.
ended=$1
remove=$2
shift 2

exec 3<&0
"$@" </dev/null 3<&- &
command=$!
# A terminal's signals are for the program that holds the pipe; the guard outlives it.
trap '' HUP INT QUIT TERM

# End of file means that the program closed the pipe or died, however it died.
# SIGINT is repeated because a background command is born with it ignored, and is a fast
# shutdown to Postgres, which takes the second one for the first.
(
    read -r _ <&3
    tries=0
    while [ ! -e "$ended" ] && [ "$tries" -lt 1200 ] && kill -INT "$command" 2>/dev/null; do
        tries=$((tries + 1))
        sleep 0.05
    done
    # For the case that the shell below was killed.
    rm -rf -- "$remove"
) >/dev/null 2>&1 &
watcher=$!

wait "$command"
echo "$?" >"$ended"
# The directory holds what explains a command that ended by itself: keep it until end of file.
wait "$watcher"
rm -rf -- "$remove"
