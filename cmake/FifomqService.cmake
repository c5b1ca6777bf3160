# What belongs to the program once it is installed: systemd units, the user that bridges run as, pages for man(1),
# completion.
set(units ${PROJECT_SOURCE_DIR}/bridge/systemd)
configure_file(${units}/fifomq-bridge@.service.in ${PROJECT_BINARY_DIR}/fifomq-bridge@.service @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/fifomq-bridge@.service ${units}/fifomq-bridge@.socket
        DESTINATION lib/systemd/system COMPONENT program)
install(FILES ${units}/fifomq.sysusers DESTINATION lib/sysusers.d RENAME fifomq.conf COMPONENT program)

set(completion ${PROJECT_SOURCE_DIR}/docs/completion)
install(FILES ${completion}/fifomq.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME fifomq COMPONENT program)
install(FILES ${completion}/_fifomq DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT program)

foreach(page IN ITEMS fifomq.1 fifomq-endpoints.7)
  cmake_path(GET page EXTENSION LAST_ONLY section)
  string(REPLACE "." "man" folder ${section})
  fifomq_install_text(${PROJECT_SOURCE_DIR}/docs/man/${page} ${CMAKE_INSTALL_MANDIR}/${folder} program ${page})
endforeach()
