# Completion of imgpar for fish. The candidates come from `imgpar completion fish -- WORD...`.
function __imgpar_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct | string unescape)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    set -l reply ($program completion fish -- $words[2..-1] "$word" 2>/dev/null)
    string join -- \n $reply[2..-1]
    set -l flag (string match -r -- '^--[^=]*=' "$word")
    set -l value (string replace -r -- '^--[^=]*=' '' "$word")
    switch "$reply[1]"
        case '*files*'
            __fish_complete_path "$value" | string replace -r -- '^' "$flag"
        case '*folders*'
            __fish_complete_directories "$value" | string replace -r -- '^' "$flag"
    end
end
complete -c imgpar -f -a '(__imgpar_complete)'
