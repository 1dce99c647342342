# frozen_string_literal: true

# Keeps a dry run dry: `cap --dry-run` alone still executes what stands in `run_locally`.
#
# What the tasks' own Ruby does cannot be kept from happening.

require "sshkit"

# In front of SSHKit's local backend, which then prints as its printer does for other hosts.
module ChimaDryRun
  def upload!(local, remote, _options = {})
    execute("upload", local, remote)
  end

  def download!(remote, local = nil, _options = {})
    execute("download", remote, local)
  end

  def test(*)
    super
    true
  end

  private

  def execute_command(command)
    output.log_command_start(command.with_redaction)
  end
end

SSHKit::Backend::Local.prepend(ChimaDryRun)
