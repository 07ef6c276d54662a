; Installs Drawbridge for one user, without administrator's rights. makensis runs
; here with -DVERSION=1.2.3 -DFILES=folder -DOUT=file -DICON=file.
;
; PATH is left alone: NSIS cuts long values, and clients get the full path anyway
; (drawbridge install). Settings and the keychain stay when it is removed.

Unicode true
Name "Drawbridge"
OutFile "${OUT}"
Icon "${ICON}"
UninstallIcon "${ICON}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\Drawbridge"
InstallDirRegKey HKCU "Software\Drawbridge" "InstallDir"
SetCompressor /SOLID lzma
ShowInstDetails nevershow
VIProductVersion "${FOURPART}"
VIAddVersionKey "ProductName" "Drawbridge"
VIAddVersionKey "FileDescription" "Drawbridge installer"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "Apache-2.0"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Drawbridge"
!define LINKS "Software\Classes\drawbridge"
!define APPPATHS "Software\Microsoft\Windows\CurrentVersion\App Paths"

Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

; An agent of the old version holds the files open.
!macro StopAgent
  IfFileExists "$INSTDIR\drawbridge.exe" 0 +2
    nsExec::Exec '"$INSTDIR\drawbridge.exe" agent stop'
!macroend

Section "Drawbridge"
  !insertmacro StopAgent
  SetOutPath "$INSTDIR"
  File "${FILES}\drawbridge.exe"
  File "${FILES}\drawbridge-demo.exe"
  File "${FILES}\drawbridge-replica.exe"
  File "${FILES}\drawbridge-desktop.exe"
  File "${FILES}\LICENSE"
  File "/oname=drawbridge.ico" "${ICON}"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Drawbridge.lnk" "$INSTDIR\drawbridge-desktop.exe" "" "$INSTDIR\drawbridge.ico"
  WriteRegStr HKCU "Software\Drawbridge" "InstallDir" "$INSTDIR"
  WriteRegStr HKCU "${APPPATHS}\drawbridge.exe" "" "$INSTDIR\drawbridge.exe"
  WriteRegStr HKCU "${APPPATHS}\drawbridge-desktop.exe" "" "$INSTDIR\drawbridge-desktop.exe"
  WriteRegStr HKCU "${LINKS}" "" "URL:Drawbridge"
  WriteRegStr HKCU "${LINKS}" "URL Protocol" ""
  WriteRegStr HKCU "${LINKS}\shell\open\command" "" '"$INSTDIR\drawbridge-desktop.exe" "%1"'
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Drawbridge"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\drawbridge.ico"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "The Drawbridge authors"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Section "Uninstall"
  !insertmacro StopAgent
  Delete "$INSTDIR\drawbridge.exe"
  Delete "$INSTDIR\drawbridge-demo.exe"
  Delete "$INSTDIR\drawbridge-replica.exe"
  Delete "$INSTDIR\drawbridge-desktop.exe"
  Delete "$INSTDIR\LICENSE"
  Delete "$INSTDIR\drawbridge.ico"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\Drawbridge.lnk"
  DeleteRegValue HKCU "Software\Microsoft\Windows\CurrentVersion\Run" "Drawbridge"
  DeleteRegKey HKCU "${APPPATHS}\drawbridge.exe"
  DeleteRegKey HKCU "${APPPATHS}\drawbridge-desktop.exe"
  DeleteRegKey HKCU "${LINKS}"
  DeleteRegKey HKCU "${UNINSTALL}"
  DeleteRegKey HKCU "Software\Drawbridge"
SectionEnd
