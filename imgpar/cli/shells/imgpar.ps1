# Completion of imgpar for PowerShell. The candidates come from `imgpar completion powershell -- WORD... =WORD`.
Register-ArgumentCompleter -Native -CommandName imgpar, imgpar.exe -ScriptBlock {
    param($word, $ast, $cursor)
    $before = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
        else { $_.Extent.Text }
    })
    $program = $before[0]
    $earlier = @($before | Select-Object -Skip 1)
    # Windows PowerShell drops empty arguments, so the last one begins with =.
    $reply = @(& $program completion powershell -- @earlier "=$word" 2>$null)
    $found = @($reply | Select-Object -Skip 1 | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    })
    # Without a result PowerShell completes paths.
    if ($found -and "$($reply[0])" -match 'files') {
        $found += [System.Management.Automation.CompletionCompleters]::CompleteFilename($word)
    }
    $found
}
