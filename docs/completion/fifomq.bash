# Completion for bash. Commands, options and schemes are those that the program itself lists.
_fifomq() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= each value=
  for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $each == -* || $value || $each == text || $each == json ]] || { command=$each; break; }
    [[ $each == --plugin ]] && value=yes || value=
  done
  COMPREPLY=()
  case $before in
    --config | --dead-letter | --plugin | --descriptor-set | --spool) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --require) mapfile -t COMPREPLY < <(compgen -W 'at-most-once at-least-once at-least-once\ across\ power\ loss' -- "$word"); return ;;
    --log-format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$word"); return ;;
    --format)
      mapfile -t COMPREPLY < <(compgen -W 'text json hex raw' -- "$word"); return ;;
    --count | --idle-exit | --drain-timeout | --timeout | --metrics | --name | --type) return ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--quiet --log-format --plugin $(fifomq $command --help 2>/dev/null |
      grep -Eo -- '^ +(-h,)?--[a-z-]+' | grep -Eo -- '--[a-z-]+')" -- "$word")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(fifomq --help 2>/dev/null |
      sed -n '/^Subcommands:/,$s/^  \([a-z]*\) .*/\1/p')" -- "$word")
  elif [[ $command == bridge || $command == send || $command == recv || $command == peek ]]; then
    # The colon of a scheme ends a word for bash.
    mapfile -t COMPREPLY < <(compgen -W "$(fifomq transports 2>/dev/null |
      grep -Eo '^[a-z][a-z+]*:')" -- "$word" || :
      compgen -f -- "$word")
    compopt -o nospace
    # Or bash would quote the colon, as that of a file.
    [[ ${COMPREPLY-} != *: ]] || compopt +o filenames
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _fifomq fifomq
