# frozen_string_literal: true

require "etc"

# Edit this, or set the variables. As it stands, it is your account on this machine.
account = Etc.getpwuid
server ENV.fetch("EXAMPLE_HOST", "127.0.0.1"),
       port: Integer(ENV.fetch("EXAMPLE_PORT", "22")),
       user: ENV.fetch("EXAMPLE_USER", account.name),
       roles: %w[app web]
# Not below `HOME`: that is a folder of the run's own when Chima runs this.
set :deploy_to, ENV.fetch("EXAMPLE_FOLDER", File.join(account.dir, "chima-example-capistrano", "staging"))
