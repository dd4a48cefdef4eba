@echo off
rem Installs qcert-host for everybody on this machine, for the portal @ORIGIN@. As administrator; twice is as good as once.
setlocal
set "program=%ProgramFiles%\Qcert"
set "settings=%ProgramData%\Qcert"
if not exist "%program%\" mkdir "%program%"
copy /y "%~dp0qcert-host.exe" "%program%\qcert-host.exe" >nul
if errorlevel 1 goto failed
if exist "%settings%\host.toml" goto register
if not exist "%settings%\" mkdir "%settings%"
copy "%~dp0host.toml" "%settings%\host.toml" >nul
if errorlevel 1 goto failed
:register
"%program%\qcert-host.exe" register --system --browser all --portal @ORIGIN@
if errorlevel 1 goto failed
exit /b 0
:failed
echo qcert-host is not installed. Did an administrator start this? Is a browser still using the old one?
exit /b 1
