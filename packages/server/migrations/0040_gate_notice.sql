-- Says to every process that listens that what its gate knows may be old. Who does not hear it finds out by the version.

create function gate_version_moved() returns trigger language plpgsql as $$
begin
  perform pg_notify('farebox_gate', '');
  return null;
end
$$;

create trigger gate_version_moved after update on gate_version
for each statement execute function gate_version_moved();
