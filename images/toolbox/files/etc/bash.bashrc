# Read by every interactive shell of the toolbox image.
[ -n "$PS1" ] || return
unset HISTFILE # a shell must not write into the memory that it shares with the pod
shopt -s checkwinsize
alias ll='ls -l'
PS1='netlook ${NETLOOK_WHERE:-toolbox}\$ '
# One greeting a session, not one in each shell within it.
if [ -z "${NETLOOK_GREETED:-}" ]; then
  export NETLOOK_GREETED=1
  echo "netlook toolbox${NETLOOK_WHERE:+ in $NETLOOK_WHERE}, capabilities: $(tools --short). 'tools' lists what is here; 'exit' leaves."
fi
