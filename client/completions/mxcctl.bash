# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Completion of mxcctl for bash. A test compares it with what mxcctl --help says.

__mxcctl_ask() { mxcctl "$@" --no-legend --no-pager --full 2>/dev/null | while read -r first _; do printf '%s\n' "$first"; done; }

# What may follow an option; nothing printed where it is a file, a directory or free text.
__mxcctl_value() {
        case $1 in
        --agent | -a) __mxcctl_ask agent list ;;
        --policy | -p) __mxcctl_ask policy list; compgen -f -- "$2" ;;
        --sandbox) __mxcctl_ask list ;;
        --workspace | -w | --directory | -D | --cwd) compgen -d -- "$2" ;;
        --env | -E) compgen -v ;;
        --containment) printf '%s\n' process session container microvm ;;
        --signal) compgen -A signal ;;
        --whom) printf '%s\n' all main exec: ;;
        --json) printf '%s\n' pretty short off ;;
        --owner | -o) compgen -u ;;
        --order) printf '%s\n' cpu memory tasks io ;;
        --protocol) printf '%s\n' tcp udp icmp ;;
        --decision) printf '%s\n' allow deny none ;;
        --event | -e) printf '%s\n' spawn plan start fail exec exit kill stop freeze thaw attach resolve connect accept disconnect lease bounds grant grant-over register suspend resume revoke set-policy policy-load control inspect refusals adopt lost stuck daemon gap ;;
        --host | -H) compgen -A hostname ;;
        esac
}

# What a verb takes that is no option. $2: how many words it has already.
__mxcctl_argument() {
        case $1 in
        show | kill | stop | freeze | thaw) __mxcctl_ask list ;;
        exec | net | grant | ungrant) [ "$2" -gt 0 ] || __mxcctl_ask list ;;
        top | audit) __mxcctl_ask agent list ;;
        'agent set-policy') if [ "$2" = 0 ]; then __mxcctl_ask agent list; else __mxcctl_ask policy list; fi ;;
        'agent show' | 'agent suspend' | 'agent resume' | 'agent revoke' | 'agent kill') __mxcctl_ask agent list ;;
        'policy show') __mxcctl_ask policy list ;;
        'policy check' | 'policy translate') compgen -f -- "$3" ;;
        'policy diff') __mxcctl_ask policy list; compgen -f -- "$3" ;;
        'policy explain')
                case $2 in
                0) __mxcctl_ask policy list; compgen -f -- "$3" ;;
                1) printf '%s\n' read write exec connect env syscall resource spawn publish ;;
                *) compgen -f -- "$3" ;;
                esac
                ;;
        esac
}

_mxcctl() {
        local -A verbs=(
                [mxcctl]='run exec list status show net top grant ungrant kill stop freeze thaw agent policy audit reload dump'
                [agent]='list show register set-policy suspend resume revoke kill'
                [policy]='list show check explain diff translate'
        )
        local command='--cwd --env --pty --no-pty --json --no-ask-password --help'
        local asks='--host --no-ask-password --help'
        local object="--json --no-pager $asks"
        local table="--no-legend --full $object"
        local -A options=(
                [mxcctl]="$table --version"
                [run]="--agent --policy --workspace --timeout --clamp --label --containment --dry-run $command"
                [exec]="$command"
                [list]="--all $table"
                [status]="$object"
                [show]="$object"
                [net]="--follow --delay $table"
                [grant]="$asks" [ungrant]="$asks"
                [top]="--delay --iterations --order $asks"
                [kill]="--signal --whom $asks"
                [stop]="$asks"
                [freeze]="$asks"
                [thaw]="$asks"
                [audit]='--since --until --decision --event --target --sandbox --follow --lines --directory --json --no-legend --full --no-pager --help'
                [reload]="$object"
                [dump]="$object"
                [agent]='--help'
                [agent list]="--all $table"
                [agent show]="$object"
                [agent register]="--owner --policy --description $asks"
                [agent set-policy]="$asks"
                [agent suspend]="--reason $asks"
                [agent resume]="$asks"
                [agent revoke]="--reason $asks"
                [agent kill]="$asks"
                [policy]='--help'
                [policy list]="$table"
                [policy show]="$object"
                [policy check]="$object"
                [policy explain]="--workspace --protocol --port --from --amount --value $object"
                [policy diff]="$object"
                [policy translate]='--json --no-pager --help'
        )
        # Options whose value is a word of its own; the others with a value are written with =.
        local valued=' --agent --policy --workspace --cwd --env --timeout --label --containment --delay --iterations --order --signal --whom --since --until --decision --event --target --sandbox --lines --directory --owner --description --reason --protocol --port --from --amount --value --host -a -p -w -E -d -n -o -s -S -U -e -t -D -r -H '

        # "--name=value" comes as three words where = breaks words.
        local cur=${COMP_WORDS[COMP_CWORD]} option='' verb='' n=0 i word skip=''
        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [ "$word" = '=' ] || [ -n "$skip" ]; then
                        [ "$word" = '=' ] && skip=yes || skip=''
                        continue
                fi
                if [[ $word == -- && $verb == @(run|exec) ]]; then
                        n=2 # the command follows
                        break
                elif [[ $word == -* ]]; then
                        # -t and -s mean other things to other verbs
                        [[ $valued != *" $word "* || "$verb $word" == @(run|exec)\ -t ]] || [ "${COMP_WORDS[i + 1]-}" = '=' ] || skip=yes
                elif [ -z "$verb" ]; then
                        verb=$word
                elif [[ $verb == @(agent|policy) ]]; then
                        verb+=" $word"
                else
                        n=$((n + 1))
                        [[ $verb != run && ! ($verb == exec && $n -gt 1) ]] || break
                fi
        done

        COMPREPLY=()
        if [[ ($verb == run && $n -gt 0) || ($verb == exec && $n -gt 1) ]]; then
                if declare -F _command_offset >/dev/null; then
                        [ "$word" != -- ] || i=$((i + 1))
                        _command_offset "$i"
                else
                        mapfile -t COMPREPLY < <(compgen -c -- "$cur")
                fi
                return
        fi
        word=${COMP_WORDS[COMP_CWORD - 1]}
        if [ "$cur" = '=' ]; then
                option=$word cur=''
        elif [ "$word" = '=' ]; then
                option=${COMP_WORDS[COMP_CWORD - 2]}
        elif [ -n "$skip" ]; then
                option=$word
        fi
        # of one letter, what it means to this verb
        case "$verb $option" in
        'top -o') option=--order ;;
        'kill -s') option=--signal ;;
        'audit -s') option=--sandbox ;;
        'audit -d') option=--decision ;;
        esac
        if [ -n "$option" ]; then
                mapfile -t COMPREPLY < <(compgen -W "$(__mxcctl_value "$option" "$cur")" -- "$cur")
        elif [[ $cur == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "${options[${verb:-mxcctl}]-}" -- "$cur")
        elif [ -n "${verbs[${verb:-mxcctl}]-}" ]; then
                mapfile -t COMPREPLY < <(compgen -W "${verbs[${verb:-mxcctl}]}" -- "$cur")
        elif [ "$verb" = run ]; then
                mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        else
                mapfile -t COMPREPLY < <(compgen -W "$(__mxcctl_argument "$verb" "$n" "$cur")" -- "$cur")
        fi
}

complete -o default -F _mxcctl mxcctl
