# Completion of imgpar for bash. The candidates come from `imgpar completion bash -- WORD...`.
_imgpar() {
    local line paths='' word=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    {
        IFS= read -r paths
        while IFS= read -r line; do COMPREPLY+=("${line%%$'\t'*}"); done
    } < <("${1/#\~/$HOME}" completion bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    # compopt is new in bash 4; without it files are offered in more places.
    case $paths in
        *files*)
            if ((${#COMPREPLY[@]})); then
                compopt -o filenames 2>/dev/null
                while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "${word#=}")
            fi
            ;;
        *folders*) compopt -o dirnames +o default 2>/dev/null ;;
        *none*) compopt +o default 2>/dev/null ;;
    esac
}
complete -o default -F _imgpar imgpar
