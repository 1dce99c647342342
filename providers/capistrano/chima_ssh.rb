# frozen_string_literal: true

# Holds every connection of Net::SSH to what `ssh:` of the app says: its known hosts, and its key alone.
#
# Net::SSH accepts a host it has never seen, and a stage may bring keys and options of its own (`config: false`). Where the app
# has its own `ssh:`, neither is wanted: this is set for one run, by one configuration, and what the stage says does not count.

require "net/ssh"

# In front of `Net::SSH.start`, through which SSHKit, scp and sftp go as well.
module ChimaSSH
  KNOWN_HOSTS = ENV["CHIMA_KNOWN_HOSTS"].to_s
  KEY = ENV["CHIMA_SSH_KEY"].to_s

  # What a stage may not change; `known_hosts` stays, it is only SSHKit's own reader of these files.
  TRUST = { verify_host_key: :always, user_known_hosts_file: [KNOWN_HOSTS], global_known_hosts_file: [] }.freeze
  IDENTITY = { keys: [KEY], keys_only: true, use_agent: false, auth_methods: ["publickey"], non_interactive: true }.freeze
  # What would get round it: other ways to sign in, other names for the host and for `verify_host_key`.
  NO_TRUST = %i[paranoid host_key_alias].freeze
  NO_IDENTITY = %i[key_data keycerts keycert_data password passphrase identity_agent].freeze
  RSA = %w[rsa-sha2-512 rsa-sha2-256 ssh-rsa].freeze

  def start(host, user = nil, options = {}, &block)
    options = options.reject { |name, _| NO_IDENTITY.include?(name) }.merge(IDENTITY) unless KEY.empty?
    return super(host, user, options, &block) if KNOWN_HOSTS.empty?

    options = options.reject { |name, _| NO_TRUST.include?(name) }.merge(TRUST)
    name = named(host, options[:port])
    # By the name in known_hosts, Net::SSH asks for a signature that OpenSSH no longer makes, then takes another key.
    options[:host_key] = RSA if Net::SSH::KnownHosts.search_for(name, TRUST).map(&:ssh_type).uniq == ["ssh-rsa"]
    begin
      super(host, user, options, &block)
    rescue Net::SSH::HostKeyUnknown => e
      raise e.class, "host `#{name}` not found in known_hosts `#{KNOWN_HOSTS}`: it shows #{shown(e)}; " \
                     "if that is its key, add it: #{scan(host, options[:port])}", cause: nil
    rescue Net::SSH::HostKeyMismatch => e
      raise e.class, "host `#{name}` has changed: it shows #{shown(e)}, not found in known_hosts `#{KNOWN_HOSTS}`, " \
                     "which has another", cause: nil
    end
  end

  private

  # As known_hosts writes it.
  def named(host, port)
    [nil, 22, "22"].include?(port) ? host : "[#{host}]:#{port}"
  end

  # Kind and fingerprint, as `ssh-keygen -l` shows it.
  def shown(error)
    "#{error.key.ssh_type} #{error.fingerprint}"
  end

  def scan(host, port)
    "ssh-keyscan #{"-p #{port} " if port}#{host} >> #{KNOWN_HOSTS}"
  end
end

Net::SSH.singleton_class.prepend(ChimaSSH)
