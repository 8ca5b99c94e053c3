import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Empty } from '../ui/Empty';
import { Icon } from '../ui/Icon';
import { Page } from '../ui/Page';
import { Queried } from '../ui/Queried';
import { DeleteScheduleDialog } from './DeleteScheduleDialog';
import { ScheduleCard } from './ScheduleCard';
import { ScheduleDialog } from './ScheduleDialog';
import { schedulesQuery, type Schedule } from './scheduleService';

type Open = { what: 'create' } | { what: 'edit' | 'delete'; schedule: Schedule };

export function SchedulesPage() {
  const schedules = useQuery({ ...schedulesQuery, refetchInterval: 2000 });
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);

  return (
    <Page
      title="Schedules"
      summary="Rules that enqueue a job, at an interval or by the clock: each tick once over all nodes."
      actions={
        <button type="button" className="button button-primary" onClick={() => setOpen({ what: 'create' })}>
          <Icon name="plus" />
          Create schedule
        </button>
      }
    >
      <Queried query={schedules} what="schedules">
        {(data) =>
          data.length === 0 ? (
            <Empty title="There are no schedules yet.">
              <p>Create one here, or declare it in code or over HTTP.</p>
            </Empty>
          ) : (
            <ul className="cards">
              {data.map((schedule) => (
                <ScheduleCard
                  key={schedule.name}
                  schedule={schedule}
                  onEdit={() => setOpen({ what: 'edit', schedule })}
                  onDelete={() => setOpen({ what: 'delete', schedule })}
                />
              ))}
            </ul>
          )
        }
      </Queried>
      {open?.what === 'create' && <ScheduleDialog schedule={null} onClose={close} />}
      {open?.what === 'edit' && <ScheduleDialog schedule={open.schedule} onClose={close} />}
      {open?.what === 'delete' && <DeleteScheduleDialog schedule={open.schedule} onClose={close} />}
    </Page>
  );
}
