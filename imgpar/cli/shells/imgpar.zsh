#compdef imgpar
# Completion of imgpar for zsh. The candidates come from `imgpar completion zsh -- WORD...`.
_imgpar() {
    local -a reply candidates earlier
    local line paths found=1
    (( CURRENT > 2 )) && earlier=("${(@Q)words[2,CURRENT-1]}")
    reply=("${(@f)$("${words[1]/#\~/$HOME}" completion zsh -- "${earlier[@]}" "${(Q)PREFIX}" 2>/dev/null)}")
    paths=$reply[1]
    for line in "${(@)reply[2,-1]}"; do
        [[ -n $line ]] && candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    [[ $PREFIX == --*=* ]] && compset -P '*='
    (( $#candidates )) && _describe 'imgpar' candidates && found=0
    [[ $paths == *files* ]] && _files && found=0
    [[ $paths == *folders* ]] && _files -/ && found=0
    return found
}
# Loaded from a folder of $fpath this file is the function; with eval it registers one.
if [[ $funcstack[1] == _imgpar ]]; then _imgpar "$@"; else compdef _imgpar imgpar; fi
