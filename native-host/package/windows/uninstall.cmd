@echo off
rem Takes back what install.cmd and policies.reg did, and removes the administrator's settings. As administrator.
setlocal
set "program=%ProgramFiles%\Qcert"
set "settings=%ProgramData%\Qcert"
reg import "%~dp0no-policies.reg" >nul 2>nul
if errorlevel 1 goto failed
if not exist "%program%\qcert-host.exe" goto remove
"%program%\qcert-host.exe" unregister --system --browser all --portal @ORIGIN@
if errorlevel 1 goto failed
del "%program%\qcert-host.exe"
:remove
if exist "%settings%\host.toml" del "%settings%\host.toml"
if exist "%settings%\" rmdir "%settings%"
if exist "%program%\" rmdir "%program%"
if exist "%settings%\" goto failed
if exist "%program%\" goto failed
exit /b 0
:failed
echo qcert-host is not removed, or not all of it. Did an administrator start this? Is a browser still using it?
exit /b 1
