# frozen_string_literal: true

# What a run decides about its stage, whatever deploy.rb says.
#
# A deploy.rb that does not read `ENV["BRANCH"]` deploys the head of some branch while GitHub is told about a commit; and
# Capistrano calls it a success when its filters leave no server to do anything on.

# In front of every `fetch`, and behind the loading of a stage.
module ChimaStage
  SETTINGS = {
    branch: (ENV["CHIMA_SHA"] if ENV["CHIMA_PIN_REVISION"] == "true"),
    pty: (true if ENV["CHIMA_REMOTE_TERMINAL"] == "true")
  }.compact.freeze
  HOSTS = ENV["CHIMA_ONLY_HOSTS"].to_s.split(",").freeze
  ROLES = ENV["CHIMA_ONLY_ROLES"].to_s.split(",").freeze

  def fetch(key, *rest, &block)
    SETTINGS.fetch(key) { super }
  end

  # Capistrano's last act when it has read a stage.
  def configure_backend
    super
    all = servers.to_a
    expect("server", HOSTS, all.map(&:hostname))
    expect("role", ROLES, all.flat_map { |server| server.roles.map(&:to_s) })
    return if HOSTS.empty? && ROLES.empty? || filter(all).any?

    raise "no server of stage `#{fetch(:stage)}` is left by `roles` and `hosts`"
  end

  private

  def expect(what, wanted, known)
    missing = wanted - known
    return if missing.empty?

    raise "#{what} `#{missing.first}` is not in stage `#{fetch(:stage)}`; it has: #{known.uniq.sort.join(", ")}"
  end
end

Capistrano::Configuration.prepend(ChimaStage)
